//! HTTPS for development: a certificate authority of our own in the data folder, and a certificate for this machine.
//!
//! The authority is made once, so that it can be trusted once; the certificate is made anew at every start and never
//! written. Production certificates are a proxy's matter.

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The certificate that clients are told to trust.
pub(crate) fn authority_file(data: &Path) -> PathBuf {
    data.join("tls").join("development-ca.pem")
}

/// A TLS configuration for `localhost`, made with the development authority in the data folder.
///
/// # Errors
/// When the folder cannot be written or holds something else.
pub(crate) fn development(data: &Path) -> Result<Arc<rustls::ServerConfig>> {
    let issuer = authority(data).context("the development certificate authority cannot be made")?;
    let key = KeyPair::generate()?;
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config =
        rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Reads the authority, or makes it.
fn authority(data: &Path) -> Result<Issuer<'static, KeyPair>> {
    let certificate_file = authority_file(data);
    let key_file = certificate_file.with_file_name("development-ca.key");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Likeness development authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    if certificate_file.exists() && key_file.exists() {
        let key = KeyPair::from_pem(&std::fs::read_to_string(&key_file)?)?;
        return Ok(Issuer::new(params, key));
    }
    let folder = certificate_file.parent().unwrap_or(data);
    std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    crate::files::write_private(&key_file, key.serialize_pem().as_bytes())?;
    std::fs::write(&certificate_file, certificate.pem())?;
    Ok(Issuer::new(params, key))
}
