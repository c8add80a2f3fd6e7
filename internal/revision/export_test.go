package revision

// CheckSpecifier parses text in both ways and says whether what came out is
// sound: for the fuzzer.
func CheckSpecifier(text string) bool {
	for _, lastAt := range []bool{false, true} {
		s := parseSpecifier(text, lastAt)
		if s.text != text || s.relative == "" && s.steps != 0 || s.branch != "" && !s.inBranch {
			return false
		}
		if s.relative == "" && s.inBranch && s.branch+"@"+s.symbol != text {
			return false
		}
	}
	return true
}
