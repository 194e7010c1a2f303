/// The name of a tenant: an empty one would mean `default`, which was not asked for.
pub(super) fn tenant(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("want the name of a tenant: `default`, or one of `quota list`".to_owned());
    }
    Ok(text.to_owned())
}

/// Why something is done, for those who read it later.
pub(super) fn reason(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("say why: it is all that others will know later".to_owned());
    }
    Ok(text.to_owned())
}

/// The name of a segment: by an empty one it can be neither preferred nor unmounted.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err(
            "want a name: puts prefer a segment by it, and `segment unmount` takes it".to_owned(),
        );
    }
    Ok(text.to_owned())
}
