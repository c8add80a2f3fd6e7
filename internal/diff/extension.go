package diff

func extension(fields []string) way { return only(fields, "Schema", "Version", "Comment", "Owner") }
