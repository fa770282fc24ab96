//! A body of the type `multipart/form-data` (RFC 7578).

/// The parts so far.
pub(crate) struct Form {
    boundary: String,
    body: Vec<u8>,
}

impl Form {
    /// A form without parts. No part may hold `boundary`.
    pub(crate) fn new(boundary: String) -> Self {
        Self { boundary, body: Vec::new() }
    }

    /// Adds a text.
    pub(crate) fn text(&mut self, name: &str, kind: &str, text: &str) {
        self.part(&format!("name=\"{name}\""), kind, text.as_bytes());
    }

    /// Adds a file.
    pub(crate) fn file(&mut self, name: &str, file: &str, kind: &str, bytes: &[u8]) {
        self.part(&format!("name=\"{name}\"; filename=\"{file}\""), kind, bytes);
    }

    fn part(&mut self, disposition: &str, kind: &str, bytes: &[u8]) {
        let head = format!(
            "--{}\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: {kind}\r\n\r\n",
            self.boundary
        );
        self.body.extend_from_slice(head.as_bytes());
        self.body.extend_from_slice(bytes);
        self.body.extend_from_slice(b"\r\n");
    }

    /// The header `Content-Type`, and the body.
    pub(crate) fn finish(mut self) -> (String, Vec<u8>) {
        self.body.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        (format!("multipart/form-data; boundary={}", self.boundary), self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_its_parts() {
        let mut form = Form::new("b".to_owned());
        form.text("metadata", "application/json", "{}");
        form.file("frame", "1.jpg", "image/jpeg", b"JPEG");
        let (kind, body) = form.finish();
        assert_eq!(kind, "multipart/form-data; boundary=b");
        let expected = "--b\r\nContent-Disposition: form-data; name=\"metadata\"\r\nContent-Type: application/json\r\n\r\n{}\r\n\
                        --b\r\nContent-Disposition: form-data; name=\"frame\"; filename=\"1.jpg\"\r\nContent-Type: image/jpeg\r\n\r\nJPEG\r\n\
                        --b--\r\n";
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }
}
