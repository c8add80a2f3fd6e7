package catalog

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
)

// Encode writes a catalog for [Decode].
func (c *Catalog) Encode(w io.Writer) error {
	s := &stored{User: c.User, Major: c.Major, Bootstrap: c.bootstrap, Unsupported: c.Unsupported, Order: make([]byte, 0, len(c.objects))}
	lists := s.lists()
	last := 0
	for _, o := range c.objects {
		if !lists[last].add(o) { // mostly one is followed by its like
			last = 0
			for last < len(lists) && !lists[last].add(o) {
				last++
			}
			if last == len(lists) {
				return fmt.Errorf("encoding the catalog: no list for %s", o.Base().ID)
			}
		}
		s.Order = append(s.Order, byte(last)) //nolint:gosec // there are some thirty lists
	}
	return gob.NewEncoder(w).Encode(s)
}

// Decode reads what [Catalog.Encode] has written. Whoever keeps it has to know
// that this package is the same: neither names nor meanings of facts are kept
// with them.
func Decode(r io.Reader) (*Catalog, error) {
	var s stored
	if err := gob.NewDecoder(r).Decode(&s); err != nil {
		return nil, fmt.Errorf("decoding the catalog: %w", err)
	}
	c := &Catalog{
		objects: make([]Object, 0, len(s.Order)), places: make(map[ID]int32, len(s.Order)),
		User: s.User, Major: s.Major, bootstrap: s.Bootstrap, Unsupported: s.Unsupported,
	}
	lists := s.lists()
	for _, which := range s.Order {
		if int(which) >= len(lists) {
			return nil, errors.New("decoding the catalog: a list that there isn't")
		}
		o := lists[which].next()
		if o == nil {
			return nil, errors.New("decoding the catalog: a list ends too early")
		}
		c.put(o)
	}
	return c, nil
}

// stored is a catalog with the objects of each type in a list of their own: gob
// reads interfaces only of types that a registry knows.
type stored struct {
	User        string
	Major       int
	Bootstrap   string
	Unsupported []string
	Order       []byte // the list of each object, in the order in which they were read

	Schemas             []*Schema
	Extensions          []*Extension
	Types               []*Type
	Sequences           []*Sequence
	Tables              []*Table
	Columns             []*Column
	Defaults            []*Default
	Attachments         []*Attachment
	Constraints         []*Constraint
	Indexes             []*Index
	Views               []*View
	Functions           []*Function
	Triggers            []*Trigger
	Rules               []*Rule
	Policies            []*Policy
	EventTriggers       []*EventTrigger
	Publications        []*Publication
	Subscriptions       []*Subscription
	Statistics          []*Statistics
	ForeignDataWrappers []*ForeignDataWrapper
	ForeignServers      []*ForeignServer
	UserMappings        []*UserMapping
	Collations          []*Collation
	Operators           []*Operator
	OperatorFamilies    []*OperatorFamily
	OperatorClasses     []*OperatorClass
	Casts               []*Cast
	Conversions         []*Conversion
	TextSearches        []*TextSearch
	Languages           []*Language
	Transforms          []*Transform
	AccessMethods       []*AccessMethod
	DefaultPrivileges   []*DefaultPrivileges
}

func (s *stored) lists() []objectList {
	return []objectList{
		listOf(&s.Schemas), listOf(&s.Extensions), listOf(&s.Types), listOf(&s.Sequences), listOf(&s.Tables), listOf(&s.Columns), listOf(&s.Defaults),
		listOf(&s.Attachments), listOf(&s.Constraints), listOf(&s.Indexes), listOf(&s.Views), listOf(&s.Functions), listOf(&s.Triggers), listOf(&s.Rules),
		listOf(&s.Policies), listOf(&s.EventTriggers), listOf(&s.Publications), listOf(&s.Subscriptions), listOf(&s.Statistics),
		listOf(&s.ForeignDataWrappers), listOf(&s.ForeignServers), listOf(&s.UserMappings), listOf(&s.Collations), listOf(&s.Operators),
		listOf(&s.OperatorFamilies), listOf(&s.OperatorClasses), listOf(&s.Casts), listOf(&s.Conversions), listOf(&s.TextSearches), listOf(&s.Languages),
		listOf(&s.Transforms), listOf(&s.AccessMethods), listOf(&s.DefaultPrivileges),
	}
}

// An objectList is one of the lists.
type objectList struct {
	add  func(Object) bool // false: it is of another type
	next func() Object     // nil behind the last one
}

func listOf[T any, P interface {
	*T
	Object
}](list *[]P) objectList {
	at := 0
	return objectList{
		add: func(o Object) bool {
			object, ok := o.(P)
			if ok {
				*list = append(*list, object)
			}
			return ok
		},
		next: func() Object {
			if at == len(*list) {
				return nil
			}
			at++
			return (*list)[at-1]
		},
	}
}

// MarshalBinary and UnmarshalBinary have gob write an ID, whose field is hidden.
func (id ID) MarshalBinary() ([]byte, error) { return []byte(id.path), nil }

// UnmarshalBinary is the inverse of MarshalBinary.
func (id *ID) UnmarshalBinary(text []byte) error {
	id.path = string(text)
	return nil
}
