package identity

import "strings"

// RolesIn finds the roles that mean something here in a token's claims. The name
// is that of a claim, or of one inside others with dots between:
// realm_access.roles. found tells whether the claim is there; a claim that is no
// list of strings gives no role.
func RolesIn(claims map[string]any, name string) (roles []string, found bool) {
	value, found := claims[name] // names such as https://example.com/roles have dots too
	if !found {
		value, found = descend(claims, name)
	}
	list, _ := value.([]any)
	all := make([]string, 0, len(list))
	for _, v := range list {
		role, _ := v.(string)
		all = append(all, role)
	}
	return Roles(all), found
}

func descend(claims map[string]any, name string) (value any, found bool) {
	value = claims
	for part := range strings.SplitSeq(name, ".") {
		object, isObject := value.(map[string]any)
		if !isObject {
			return nil, false
		}
		if value, found = object[part]; !found {
			return nil, false
		}
	}
	return value, true
}
