// Package suggest finds the word that somebody probably meant. It serves every
// "did you mean" of Aludel, and imports nothing.
package suggest

// Closest is the word nearest to s if one is near enough to be a slip of the
// fingers, the first such in order; empty otherwise.
func Closest(s string, words []string) string {
	best, limit := "", max(1, len(s)/4)+1
	for _, word := range words {
		if d := len(word) - len(s); d >= limit || -d >= limit {
			continue
		}
		if d := distance(s, word); d < limit {
			best, limit = word, d
		}
	}
	return best
}

// distance is the number of single-byte edits, swaps of neighbours included,
// between two short words.
func distance(a, b string) int {
	before := make([]int, len(b)+1)
	last := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
