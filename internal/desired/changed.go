package desired

import (
	"slices"
	"sort"
)

// changed tells which of the texts that were there before are no more, and which of
// those that are there now have come. What has moved is among both; the others
// stand in the same order before and now.
func changed(before, now []string) (gone, come []bool) {
	start, end := 0, 0
	for start < min(len(before), len(now)) && before[start] == now[start] {
		start++
	}
	for end < min(len(before), len(now))-start && before[len(before)-1-end] == now[len(now)-1-end] {
		end++
	}
	gone, come = make([]bool, len(before)), make([]bool, len(now))
	for i := start; i < len(before)-end; i++ {
		gone[i] = true
	}
	for i := start; i < len(now)-end; i++ {
		come[i] = true
	}
	was, is := places(before[start:len(before)-end]), places(now[start:len(now)-end])
	var pairs []pair
	for i, text := range now[start : len(now)-end] {
		if b, both := was[text]; both && b >= 0 && is[text] == i {
			pairs = append(pairs, pair{before: start + b, now: start + i})
		}
	}
	for _, p := range ascending(pairs) {
		gone[p.before], come[p.now] = false, false
	}
	return gone, come
}

// places are where each text stands; -1 of one that does so more than once.
func places(texts []string) map[string]int {
	at := make(map[string]int, len(texts))
	for i, text := range texts {
		if _, again := at[text]; again {
			i = -1
		}
		at[text] = i
	}
	return at
}

// A pair is where a text stands before and now.
type pair struct{ before, now int }

// ascending are as many of the pairs as possible that stand in the same order before
// as now, in which they come: a longest ascending sequence.
func ascending(pairs []pair) []pair {
	var ends []int // ends[n] is the pair with the least place before that a sequence of n+1 can end with
	previous := make([]int, len(pairs))
	for i, p := range pairs {
		n := sort.Search(len(ends), func(n int) bool { return pairs[ends[n]].before > p.before })
		previous[i] = -1
		if n > 0 {
			previous[i] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, i)
		} else {
			ends[n] = i
		}
	}
	var longest []pair
	if len(ends) > 0 {
		for i := ends[len(ends)-1]; i >= 0; i = previous[i] {
			longest = append(longest, pairs[i])
		}
	}
	slices.Reverse(longest)
	return longest
}
