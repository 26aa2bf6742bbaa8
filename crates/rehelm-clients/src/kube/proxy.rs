//! Whether a proxy named by the environment is to be used for an API server, by the rules of `NO_PROXY` as Go
//! programs (kubectl, Helm) read them. Loopback addresses never go through a proxy.

use std::net::IpAddr;

/// True when requests to `url` go through the environment's proxy.
pub(crate) fn wanted(url: &http::Uri, no_proxy: Option<&str>) -> bool {
    let host = url
        .host()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|ip| ip.is_loopback()) {
        return false;
    }
    let entries = no_proxy.unwrap_or_default().split(',').map(str::trim);
    !entries
        .filter(|e| !e.is_empty())
        .any(|entry| excludes(entry, &host, address, url.port_u16()))
}

fn excludes(entry: &str, host: &str, address: Option<IpAddr>, port: Option<u16>) -> bool {
    if entry == "*" {
        return true;
    }
    if let (Some(ip), Some((network, bits))) = (address, entry.split_once('/')) {
        return in_network(ip, network, bits);
    }
    let (name, wanted) = match entry.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') => (name, digits.parse().ok()),
        _ => (entry, None),
    };
    if wanted.is_some() && wanted != port {
        return false;
    }
    let name = name.trim_start_matches('*').to_ascii_lowercase();
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(&name),
        None => host == name || host.ends_with(&format!(".{name}")),
    }
}

fn in_network(ip: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(net)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            ip.to_bits() & mask == net.to_bits() & mask
        }
        (IpAddr::V6(ip), IpAddr::V6(net)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            ip.to_bits() & mask == net.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::wanted;

    #[test]
    fn the_environment_may_exclude_hosts_domains_networks_and_ports() {
        let direct = [
            ("https://127.0.0.1:6443", ""),
            ("https://localhost:6443", ""),
            ("https://[::1]:6443", ""),
            ("https://api.corp.example", "other, corp.example"),
            ("https://api.corp.example", ".corp.example"),
            ("https://api.corp.example", "*.corp.example"),
            ("https://10.2.3.4:6443", "10.0.0.0/8"),
            ("https://api.corp.example:6443", "corp.example:6443"),
            ("https://api.corp.example", "*"),
        ];
        for (url, no_proxy) in direct {
            assert!(!wanted(&url.parse().unwrap(), Some(no_proxy)), "{url} {no_proxy}");
        }
        let proxied = [
            ("https://api.corp.example", ""),
            ("https://notcorp.example", "corp.example"),
            ("https://corp.example", ".corp.example"),
            ("https://11.2.3.4:6443", "10.0.0.0/8"),
            ("https://api.corp.example:443", "corp.example:6443"),
            ("https://11.2.3.4", "10.0.0.0/99"),
        ];
        for (url, no_proxy) in proxied {
            assert!(wanted(&url.parse().unwrap(), Some(no_proxy)), "{url} {no_proxy}");
        }
    }
}
