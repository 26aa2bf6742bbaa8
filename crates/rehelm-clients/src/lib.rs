//! The world behind the ports: Kubernetes, Helm, MongoDB, files.
