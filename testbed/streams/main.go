// The kubelet's ways into pods: commands and ports, for the API server alone.
//
// The web sockets and SPDY streams are the kubelet's own library; what is here is where they lead: into the namespaces of
// the process that the stand-in kubelet runs for a pod. Which one that is stands in DIR/pods/NAMESPACE/POD.json.
package main

import (
	"fmt"
	"os"
)

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 3 && args[0] == "serve":
		err = serve(args[1], args[2])
	case len(args) == 2 && args[0] == "dial":
		err = dial(args[1])
	default:
		err = fmt.Errorf("usage: streams serve DIR PORT | streams dial PORT")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
