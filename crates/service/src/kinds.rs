//! How kinds of containers are called in error codes, audit logs and reports.

use likeness_store::ContainerKind;

/// The name of a container kind as it stands in error codes.
pub const fn kind_code(kind: ContainerKind) -> &'static str {
    match kind {
        ContainerKind::FaceList => "FaceList",
        ContainerKind::LargeFaceList => "LargeFaceList",
        ContainerKind::PersonGroup => "PersonGroup",
        ContainerKind::LargePersonGroup => "LargePersonGroup",
        ContainerKind::PersonDirectory => "PersonDirectory",
        ContainerKind::DynamicPersonGroup => "DynamicPersonGroup",
        ContainerKind::Snapshot => "Snapshot",
    }
}

/// The same with a small letter in front, as audit logs and reports write it.
pub fn kind_name(kind: ContainerKind) -> String {
    let mut name = kind_code(kind).to_owned();
    name[..1].make_ascii_lowercase();
    name
}
