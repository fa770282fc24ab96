//! Which web pages may call an account from a browser: the origins of the standard of CORS.

/// Every origin, but for the opaque one: only its own name lets that in.
const ANY: &str = "*";
/// What browsers send for pages without an origin: of files, of sandboxes, behind some redirects.
const OPAQUE: &str = "null";
/// Characters of an origin: a scheme, a DNS name, a port.
const LONGEST: usize = 300;

/// Reads `https://shop.example.org`, `http://localhost:5173`, `*` or `null`, and gives it as browsers write it: lower
/// case, without the port that goes without saying. A slash at the end is passed over, a path is not.
pub fn parse_origin(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    if text == ANY || text == OPAQUE {
        return Some(text);
    }
    let bare = text.strip_suffix('/').unwrap_or(&text);
    let (scheme, rest) = bare.split_once("://")?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+.-".contains(&byte));
    let (host, port) = match rest.rsplit_once(':') {
        // The colons of an IPv6 address are within its brackets.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let usual = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let port = match port {
        None => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse::<u16>().ok().filter(|port| *port > 0)?).filter(|port| Some(*port) != usual)
        }
        Some(_) => return None,
    };
    if !is_scheme || !is_host(host) || bare.len() > LONGEST {
        return None;
    }
    Some(port.map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}")))
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(six) => six.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
            !host.is_empty() && host.bytes().all(is_inner) && !host.starts_with('.') && !host.contains("..")
        }
    }
}

/// What `Access-Control-Allow-Origin` says to a page of this origin, if it may call.
pub fn allowed_origin<'o>(allowed: &[String], origin: &'o str) -> Option<&'o str> {
    let asked = parse_origin(origin).filter(|asked| asked != ANY)?;
    if allowed.contains(&asked) {
        return Some(origin);
    }
    (asked != OPAQUE && allowed.iter().any(|one| one == ANY)).then_some(ANY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        let cases = [
            ("https://shop.example.org", Some("https://shop.example.org")),
            (" HTTPS://Shop.Example.org/ ", Some("https://shop.example.org")),
            ("https://shop.example.org:443", Some("https://shop.example.org")),
            ("http://shop.example.org:443", Some("http://shop.example.org:443")),
            ("http://localhost:5173", Some("http://localhost:5173")),
            ("http://[::1]:8080", Some("http://[::1]:8080")),
            ("http://[::1]", Some("http://[::1]")),
            ("capacitor://localhost", Some("capacitor://localhost")),
            ("*", Some("*")),
            ("null", Some("null")),
            ("", None),
            ("shop.example.org", None),
            ("https://", None),
            ("https://shop.example.org/page", None),
            ("https://shop.example.org?x", None),
            ("https://user@shop.example.org", None),
            ("https://*.example.org", None),
            ("https://grün.example.org", None),
            ("https://shop.example.org:0", None),
            ("https://shop.example.org:99999", None),
            ("https://shop.example.org:", None),
            ("https://[::1", None),
            ("1://x", None),
            ("https://a, https://b", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_origin(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn who_may_call() {
        let listed = ["https://shop.example.org".to_owned(), "http://localhost:5173".to_owned()];
        let (any, opaque) = (["*".to_owned()], ["null".to_owned()]);
        let cases: [(&[String], &str, Option<&str>); 10] = [
            (&listed, "https://shop.example.org", Some("https://shop.example.org")),
            (&listed, "http://localhost:5173", Some("http://localhost:5173")),
            (&listed, "http://shop.example.org", None),
            (&listed, "https://shop.example.org.evil.org", None),
            (&listed, "null", None),
            (&any, "https://elsewhere.org", Some("*")),
            (&any, "null", None),
            (&any, "*", None),
            (&opaque, "null", Some("null")),
            (&[], "https://shop.example.org", None),
        ];
        for (allowed, origin, expected) in cases {
            assert_eq!(allowed_origin(allowed, origin), expected, "{origin} of {allowed:?}");
        }
    }
}
