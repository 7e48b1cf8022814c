"""The immutable, versioned folder that training writes and the server reads."""
