package opensearch

// textQuery scores movies against words by a weighted sum over fields, on top of
// what the whole catalogue thinks of them; at least most of the words must be
// there somewhere, or the title must be the words with other spaces.
func textQuery(text string) obj {
	return obj{"bool": obj{
		"must": obj{"bool": obj{"should": []obj{
			{"constant_score": obj{"filter": match("all", text, obj{"minimum_should_match": "2<75%"}), "boost": 0}},
			{"constant_score": obj{"filter": match("titles.joined", text, obj{"operator": "and"}), "boost": 1}},
			{"constant_score": obj{"filter": match("titles.glued", text, nil), "boost": 20}},
		}}},
		"should": []obj{
			{"match_phrase": obj{"titles": obj{"query": text, "boost": 2}}},
			match("title", text, obj{"boost": 2}),
			match("titles.stem", text, obj{"boost": 2}),
			match("names", text, obj{"boost": 1.2}),
			match("characters", text, obj{"boost": 0.8}),
			match("keywords.text", text, obj{"boost": 0.6}),
			match("genres.text", text, obj{"boost": 0.6}),
			match("overview", text, obj{"boost": 0.4}),
			{"rank_feature": obj{"field": "popularity.rank", "boost": 2}},
			{"rank_feature": obj{"field": "votes.rank", "boost": 2}},
		},
	}}
}

func match(field, text string, options obj) obj {
	m := obj{"query": text}
	for k, v := range options {
		m[k] = v
	}
	return obj{"match": obj{field: m}}
}

// highlight marks the words where a person sees them. Everything else in a
// fragment is escaped.
func highlight(text string) obj {
	whole := obj{"number_of_fragments": 0}
	return obj{
		"encoder": "html", "pre_tags": []string{"<em>"}, "post_tags": []string{"</em>"}, "require_field_match": false,
		"highlight_query": obj{"multi_match": obj{"query": text, "type": "most_fields", "fields": []string{"title", "original_title", "akas", "overview", "directors", "cast", "characters"}}},
		"fields": obj{
			"title": whole, "original_title": whole, "akas": whole, "directors": whole, "cast": whole, "characters": whole,
			"overview": obj{"number_of_fragments": 2, "fragment_size": 160},
		},
	}
}
