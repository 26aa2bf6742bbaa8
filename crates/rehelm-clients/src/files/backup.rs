//! Backups that only the holder of a key can read (age, <https://age-encryption.org>).

use std::io::{BufReader, Read, Write};

use age::secrecy::SecretString;
use age::x25519::Recipient;
use age::{Decryptor, Encryptor, IdentityFile};
use camino::Utf8Path;
use rehelm_core::ports::{PortError, PortResult};

/// Encrypts to all recipients (`age1…`), each of whom can read it alone.
///
/// # Errors
/// Invalid for a recipient that is none, or when there is none.
pub fn encrypt(recipients: &[String], plain: &[u8]) -> PortResult<Vec<u8>> {
    let parsed = recipients.iter().map(|text| {
        let recipient = text.trim().parse::<Recipient>();
        recipient.map_err(|why| PortError::Invalid(format!("age recipient {text:?}"), why.to_owned()))
    });
    let parsed = parsed.collect::<PortResult<Vec<_>>>()?;
    let encryptor = Encryptor::with_recipients(parsed.iter().map(|r| r as &dyn age::Recipient))
        .map_err(|e| PortError::Invalid("age recipients".to_owned(), e.to_string()))?;
    sealed(encryptor, plain)
}

/// Encrypts for who knows the passphrase.
///
/// # Errors
/// When it cannot be encrypted.
pub fn encrypt_with_passphrase(passphrase: SecretString, plain: &[u8]) -> PortResult<Vec<u8>> {
    sealed(Encryptor::with_user_passphrase(passphrase), plain)
}

/// Decrypts what was encrypted with a passphrase.
///
/// # Errors
/// Forbidden for another passphrase, Invalid for what is no age file.
pub fn decrypt_with_passphrase(passphrase: SecretString, cipher: &[u8]) -> PortResult<Vec<u8>> {
    let identity = age::scrypt::Identity::new(passphrase);
    opened(cipher, &[&identity], "the passphrase is another one")
}

fn sealed(encryptor: Encryptor, plain: &[u8]) -> PortResult<Vec<u8>> {
    let mut cipher = Vec::with_capacity(plain.len() + 1024);
    let written = encryptor.wrap_output(&mut cipher).and_then(|mut writer| {
        writer.write_all(plain)?;
        writer.finish().map(drop)
    });
    written.map_err(|e| PortError::Other(format!("the backup cannot be encrypted: {e}")))?;
    Ok(cipher)
}

/// Decrypts, binary or armored, with a file of identities (`AGE-SECRET-KEY-1…`).
///
/// # Errors
/// NotFound without the file, Forbidden when none of its identities fits, Invalid for what is no age file.
pub fn decrypt(identities: &Utf8Path, cipher: &[u8]) -> PortResult<Vec<u8>> {
    if !identities.exists() {
        return Err(PortError::NotFound(format!("identity file {identities}")));
    }
    let unreadable = |why: String| PortError::Invalid(format!("identity file {identities}"), why);
    let keys = IdentityFile::from_file(identities.to_string()).map_err(|e| unreadable(e.to_string()))?;
    let keys = keys.into_identities().map_err(|e| unreadable(e.to_string()))?;
    let keys: Vec<&dyn age::Identity> = keys.iter().map(|key| key.as_ref() as &dyn age::Identity).collect();
    opened(
        cipher,
        &keys,
        &format!("no identity in {identities} can read this backup"),
    )
}

fn opened(cipher: &[u8], keys: &[&dyn age::Identity], none: &str) -> PortResult<Vec<u8>> {
    let refused = |e: age::DecryptError| match e {
        age::DecryptError::NoMatchingKeys | age::DecryptError::DecryptionFailed => {
            PortError::Forbidden(none.to_owned())
        }
        e => PortError::Invalid("the backup".to_owned(), e.to_string()),
    };
    let armored = age::armor::ArmoredReader::new(BufReader::new(cipher));
    let decryptor = Decryptor::new(armored).map_err(refused)?;
    let mut reader = decryptor.decrypt(keys.iter().copied()).map_err(refused)?;
    let mut plain = Vec::new();
    reader
        .read_to_end(&mut plain)
        .map_err(|e| PortError::Invalid("the backup".to_owned(), e.to_string()))?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret;
    use age::x25519::Identity;

    use super::*;

    #[test]
    fn every_recipient_can_read_it_and_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let keys: Vec<Identity> = (0..3).map(|_| Identity::generate()).collect();
        let recipients: Vec<String> = keys[..2].iter().map(|key| key.to_public().to_string()).collect();
        let cipher = encrypt(&recipients, b"precious").unwrap();
        assert!(!cipher.windows(8).any(|w| w == b"precious"));
        let file = |n: usize| {
            let path = Utf8Path::from_path(dir.path()).unwrap().join(n.to_string());
            std::fs::write(&path, format!("# key {n}\n{}\n", keys[n].to_string().expose_secret())).unwrap();
            path
        };
        assert_eq!(decrypt(&file(0), &cipher).unwrap(), b"precious");
        assert_eq!(decrypt(&file(1), &cipher).unwrap(), b"precious");
        assert!(matches!(decrypt(&file(2), &cipher), Err(PortError::Forbidden(_))));
        assert!(matches!(decrypt(&file(0), b"nonsense"), Err(PortError::Invalid(..))));
        let cut = &cipher[..cipher.len() - 1];
        assert!(matches!(decrypt(&file(0), cut), Err(PortError::Invalid(..))));
        assert!(decrypt("/none/such".into(), &cipher).unwrap_err().is_not_found());
    }

    #[test]
    fn bad_recipients_are_refused() {
        assert!(matches!(
            encrypt(&["age1nonsense".to_owned()], b"x"),
            Err(PortError::Invalid(..))
        ));
        assert!(matches!(encrypt(&[], b"x"), Err(PortError::Invalid(..))));
    }
}
