package diff

func index(fields []string) way {
	return only(fields, "Options", "Tablespace", "Statistics", "Comment")
}
