//! What starts several nodes at once, `docker-compose.yml` and `scripts/cluster`, knows the settings and its own parts.

use palabre::config::Config;
use std::collections::BTreeSet;
use std::path::Path;

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The names of variables in `text` that begin with `prefix`.
fn variables<'t>(text: &'t str, prefix: &str) -> BTreeSet<&'t str> {
    let is_of_a_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    text.split(|c| !is_of_a_name(c)).filter(|word| word.starts_with(prefix) && *word != prefix).collect()
}

/// What follows `name: ` on a line of its own.
fn value<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn every_variable_is_one_of_a_setting() {
    let settings = serde_json::to_value(Config::default()).unwrap();
    let settings: BTreeSet<_> =
        settings.as_object().unwrap().keys().map(|setting| format!("PALABRE_{}", setting.to_uppercase())).collect();
    for file in ["docker-compose.yml", "Dockerfile", "scripts/cluster/run"] {
        let text = read(file);
        let used = variables(&text, "PALABRE_");
        assert!(!used.is_empty(), "{file}");
        for variable in used {
            assert!(settings.contains(variable), "{file}: {variable}");
        }
    }
}

#[test]
fn the_balancer_is_told_all_that_it_asks_for() {
    let (balancer, compose) = (read("scripts/cluster/haproxy.cfg"), read("docker-compose.yml"));
    let asked: Vec<_> = balancer.split("\"$").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(asked, ["PALABRE_LISTEN", "NODE1", "NODE2", "NODE3"]);
    for name in asked {
        assert!(value(&compose, name).is_some(), "{name}");
    }
    for node in ["node1", "node2", "node3"] {
        assert_eq!(value(&compose, &node.to_uppercase()), Some(&*format!("{node}:8080")), "by the port of the image");
        assert!(compose.contains(&format!("\n  {node}:\n    <<: *node\n    volumes: [\"{node}:/data\"]\n")), "{node}");
    }
    assert!(read("Dockerfile").contains("PALABRE_DATA=/data PALABRE_LISTEN=0.0.0.0:8080"));
}

#[test]
fn nodes_believe_the_balancer_and_nobody_else() {
    let compose = read("docker-compose.yml");
    let trusted = value(&compose, "PALABRE_TRUSTED_PROXIES").unwrap();
    assert!(compose.contains(&format!("inside: {{ipv4_address: {trusted}}}")), "{trusted} is the balancer's");
    assert_eq!(compose.matches(trusted).count(), 2);
}
