// Renders a Helm chart as Helm does: text/template with sprig's functions, and Helm's own.
//
//	go run render.go CHART RELEASE NAMESPACE < values.json
//
// Values come whole (defaults merged already) as JSON. Prints one JSON object: file -> text.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"gopkg.in/yaml.v2"
)

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func toYaml(value interface{}) string {
	text, err := yaml.Marshal(value)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(text), "\n")
}

func main() {
	chart, release, namespace := os.Args[1], os.Args[2], os.Args[3]
	var values map[string]interface{}
	fail(json.NewDecoder(os.Stdin).Decode(&values))
	var meta map[string]interface{}
	raw, err := os.ReadFile(filepath.Join(chart, "Chart.yaml"))
	fail(err)
	fail(yaml.Unmarshal(raw, &meta))
	about := map[string]interface{}{}
	for key, value := range meta {
		about[strings.ToUpper(key[:1])+key[1:]] = value
	}

	all := template.New("chart").Option("missingkey=zero")
	functions := sprig.TxtFuncMap()
	delete(functions, "env")
	delete(functions, "expandenv")
	functions["toYaml"] = toYaml
	functions["include"] = func(name string, data interface{}) (string, error) {
		var out bytes.Buffer
		err := all.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	functions["tpl"] = func(text string, data interface{}) (string, error) {
		one, err := template.Must(all.Clone()).New("tpl").Parse(text)
		if err != nil {
			return "", err
		}
		var out bytes.Buffer
		err = one.Execute(&out, data)
		return out.String(), err
	}
	functions["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, fmt.Errorf("%s", message)
		}
		return value, nil
	}
	functions["fail"] = func(message string) (string, error) { return "", fmt.Errorf("%s", message) }
	functions["lookup"] = func(...string) map[string]interface{} { return map[string]interface{}{} }
	all.Funcs(functions)

	files, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	fail(err)
	name := about["Name"].(string)
	for _, file := range files {
		text, err := os.ReadFile(file)
		fail(err)
		_, err = all.New(name + "/templates/" + filepath.Base(file)).Parse(string(text))
		fail(err)
	}
	result := map[string]string{}
	for _, file := range files {
		base := filepath.Base(file)
		if strings.HasPrefix(base, "_") {
			continue
		}
		path := name + "/templates/" + base
		data := map[string]interface{}{
			"Values":   values,
			"Chart":    about,
			"Release":  map[string]interface{}{"Name": release, "Namespace": namespace, "Service": "Helm", "IsInstall": true, "Revision": 1},
			"Template": map[string]interface{}{"Name": path, "BasePath": name + "/templates"},
			"Capabilities": map[string]interface{}{
				"KubeVersion": map[string]interface{}{"Version": "v1.30.0", "Major": "1", "Minor": "30"},
			},
		}
		var out bytes.Buffer
		fail(all.ExecuteTemplate(&out, path, data))
		// Helm prints this for a missing value too
		result[base] = strings.ReplaceAll(out.String(), "<no value>", "")
	}
	fail(json.NewEncoder(os.Stdout).Encode(result))
}
