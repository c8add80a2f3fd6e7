package diff

func publication(fields []string) way {
	return only(fields, "Publish", "ViaRoot", "Tables", "Schemas", "Comment", "Owner")
}
