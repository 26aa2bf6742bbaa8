//! What a program says, line by line, however long a line is.

use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of a line that are kept.
const LONGEST: usize = 8 * 1024;

/// Hears every line until the end. What is no UTF-8 is shown as such; what is beyond [`LONGEST`] in a line is left out.
pub async fn hear(from: Option<impl AsyncRead + Unpin>, mut heard: impl FnMut(&str)) {
    let Some(mut from) = from else { return };
    let (mut line, mut buffer) = (Vec::new(), vec![0; 4096]);
    // A stream that breaks has ended; what it should have said is missed by whoever waits for it.
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        for byte in &buffer[..count] {
            match byte {
                b'\n' => heard(&String::from_utf8_lossy(&std::mem::take(&mut line))),
                byte if line.len() < LONGEST => line.push(*byte),
                _ => {}
            }
        }
    }
    if !line.is_empty() {
        heard(&String::from_utf8_lossy(&line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_cut_and_the_last_one_counts() {
        let text = format!("one\n{}\n\nlast", "x".repeat(10_000));
        let mut all = Vec::new();
        hear(Some(text.as_bytes()), |line| all.push(line.len())).await;
        assert_eq!(all, [3, LONGEST, 0, 4]);
        hear(None::<&[u8]>, |_| unreachable!()).await;
    }
}
