"""Black-box conformance: raw bytes in, what reaches the other side and what comes back."""
