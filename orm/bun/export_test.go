package bunddl

// Hoist is hoist, for the tests.
var Hoist = hoist
