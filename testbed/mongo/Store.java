import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.io.OutputStream;

/**
 * The storage behind the testbed's database server: a MongoServer in memory on a free loopback port. Says
 * "listening PORT" on standard output, then serves until its standard input ends, so that it never outlives its owner.
 */
public final class Store {
    public static void main(String[] args) throws Exception {
        MongoServer server = new MongoServer(new MemoryBackend());
        System.out.println("listening " + server.bind().getPort());
        System.out.flush();
        System.in.transferTo(OutputStream.nullOutputStream());
        System.exit(0);
    }
}
