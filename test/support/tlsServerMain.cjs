// A TLS server that writes down the keys of every session (NSS key log format): node tlsServerMain.cjs ADDRESS PORT FOLDER
const { execFileSync } = require("node:child_process");
const { appendFileSync, readFileSync } = require("node:fs");
const { createServer } = require("node:https");

const [address, port, folder] = process.argv.slice(2);
const [key, cert] = [`${folder}/tls.key`, `${folder}/tls.crt`];
const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=droplet"];
execFileSync("openssl", [...request, "-keyout", key, "-out", cert], { stdio: "ignore" });
// What busybox's client speaks.
const protocol = { maxVersion: "TLSv1.2", minVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" };
createServer({ ...protocol, key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => {
  response.end("hello\n");
})
  .on("keylog", (line) => appendFileSync(`${folder}/keys`, line))
  .listen(Number(port), address);
