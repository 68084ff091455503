//go:build tools

// Package tools names the command that is built from this module, so that `go mod tidy` keeps what it needs. The module
// is one of its own because the language host needs another version of sdk/v3 than the CLI.
package tools

import _ "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs"
