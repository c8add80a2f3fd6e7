package shadow

// InstallHint is what the hint would be on systems other than this one.
var InstallHint = installHint
