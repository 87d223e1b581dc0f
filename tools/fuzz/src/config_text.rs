//! The node's configuration.

use crate::node_config::NodeConfig;

/// A configuration that is read comes back from its own text, and is accepted or refused with a reason.
///
/// # Panics
/// Where it does not.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match toml::from_str::<NodeConfig>(text) {
        Ok(config) => {
            let checked = config.check();
            match &checked {
                Ok(()) => {
                    let _ = (config.cluster(), config.durability(), config.node_id(), config.admin_socket());
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
            // TOML has no integers above those of 64 signed bits, so some that is refused cannot be written either.
            if checked.is_ok() {
                let again = toml::to_string(&config).expect("an accepted configuration can be written");
                assert_eq!(toml::from_str::<NodeConfig>(&again).as_ref(), Ok(&config));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
