package gormddl

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

var failedField = regexp.MustCompile(`^failed to parse field: (\w+), error: `)

// parseError is GORM's complaint about a model. It begins with the fields on
// the way to the one that is wrong; what is named is the model of that one,
// which may be a related one.
func parseError(model reflect.Type, err error) error {
	message := err.Error()
	for {
		found := failedField.FindStringSubmatch(message)
		if found == nil {
			return modelError(model, errors.New(message))
		}
		field, known := model.FieldByName(found[1])
		if !known {
			return modelError(model, errors.New(message))
		}
		message = message[len(found[0]):]
		if !failedField.MatchString(message) {
			return modelError(model, fieldError(field, message))
		}
		inner := field.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice || inner.Kind() == reflect.Array {
			inner = inner.Elem()
		}
		if inner.Kind() != reflect.Struct {
			return modelError(model, fieldError(field, message))
		}
		model = inner
	}
}

func fieldError(field reflect.StructField, message string) error {
	if strings.HasPrefix(message, "unsupported data type") {
		return fmt.Errorf("field %s: GORM knows no type of a column for %s: name one, as in `gorm:\"type:jsonb;serializer:json\"`, or leave it out with `gorm:\"-\"`", field.Name, field.Type)
	}
	return fmt.Errorf("field %s: %s", field.Name, message)
}
