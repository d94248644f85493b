/* The command line of `uvws connect`: the options of uvws_options_t by their own names. */
#include "cli/connect_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define AT(field) offsetof(struct cli_connect_options, field)

static const struct cli_option known_options[] = {
    {"header", 'H', CLI_LIST, AT(header_lines), "'NAME: VALUE'", "add a header field; may repeat"},
    {"protocol", 0, CLI_LIST, AT(protocols), "NAME", "offer a subprotocol; may repeat"},
    {"origin", 0, CLI_STRING, AT(library.origin), "ORIGIN", "send an Origin field"},
    {"port", 0, CLI_PORT, AT(library.port), "PORT", "connect to this port, not the URI's"},
    {"binary", 'b', CLI_FLAG, AT(is_binary), NULL, "send lines as binary messages, not as text"},
    {"linger", 0, CLI_MS, AT(linger_ms), "MS",
     "listen for so long behind the end of the input (default: until a Pong comes)"},
    {"verbose", 'v', CLI_FLAG, AT(is_verbose), NULL, "tell on standard error what happens"},
    {"insecure", 'k', CLI_FLAG, AT(library.insecure_skip_verify), NULL,
     "accept any certificate: anybody may read and answer"},
    {"ca", 0, CLI_STRING, AT(library.ca_file), "FILE", "trust the certificates in this PEM file"},
    {"ca-path", 0, CLI_STRING, AT(library.ca_path), "DIR", "trust those in this hashed directory"},
    {"cert", 0, CLI_STRING, AT(library.cert_file), "FILE", "client certificate chain, PEM"},
    {"key", 0, CLI_STRING, AT(library.key_file), "FILE", "its key (default: in the same file)"},
    {"server-name", 0, CLI_STRING, AT(library.server_name), "NAME",
     "expect this name in the certificate, not the URI's host"},
    {"tls", 0, CLI_TLS_VERSION, AT(library.tls), "VERSION", "exactly this one: 1.0, 1.1, 1.2, 1.3"},
    {"tls-min", 0, CLI_TLS_VERSION, AT(library.tls_min), "VERSION", "at least (default: 1.2)"},
    {"tls-max", 0, CLI_TLS_VERSION, AT(library.tls_max), "VERSION", "at most"},
    {"connect-timeout", 0, CLI_MS, AT(library.connect_timeout_ms), "MS", "name to TCP (10000)"},
    {"handshake-timeout", 0, CLI_MS, AT(library.handshake_timeout_ms), "MS",
     "TLS and HTTP together (10000)"},
    {"close-timeout", 0, CLI_MS, AT(library.close_timeout_ms), "MS", "closing handshake (5000)"},
    {"proxy", 'x', CLI_STRING, AT(library.proxy), "URI",
     "go through this proxy: http, https, socks5, socks5h or socks4a"},
    {"proxy-ca", 0, CLI_STRING, AT(library.proxy_ca_file), "FILE", "trust these as https proxies"},
    {"proxy-from-env", 0, CLI_FLAG, AT(library.proxy_from_env), NULL,
     "take the proxy from http_proxy, https_proxy, all_proxy, no_proxy"},
    {"socket", 0, CLI_STRING, AT(library.socket_path), "PATH", "connect to this unix socket"},
    {"local-address", 0, CLI_STRING, AT(library.local_address), "IP", "connect from this address"},
    {"max-redirects", 0, CLI_MS, AT(library.max_redirects), "N", "follow so many (default: none)"},
    {"bearer", 0, CLI_STRING, AT(library.bearer_token), "TOKEN", "send Authorization: Bearer"},
    {"max-message-size", 0, CLI_BYTES, AT(library.max_message_size), "BYTES",
     "refuse larger messages (16 MiB)"},
};

static const struct cli_command command = {
    .name = "connect",
    .operands = "URI",
    .operands_min = 1,
    .operands_max = 1,
    .operands_offset = AT(operands),
    .summary =
        "Connect to ws://... or wss://..., send each line of standard input as a message, print\n"
        "each message as a line. At the end of the input the connection is closed. The exit\n"
        "status is 0 only after a clean close with everything sent.\n",
    .options = known_options,
    .option_count = sizeof known_options / sizeof known_options[0],
};

static int header_error(const char *line, const char *what) {
  fprintf(stderr, "uvws: usage: --header %s: %s\n", line, what);
  return CLI_USAGE;
}

/* "Name: value" becomes two strings in one copy, which the name points to. */
static int split_header(const char *line, uvws_header_t *out) {
  const char *colon = strchr(line, ':');
  if (colon == NULL || colon == line) return header_error(line, "is not 'NAME: VALUE'");
  size_t size = strlen(line) + 1;
  char *copy = malloc(size);
  if (copy == NULL) return header_error(line, "out of memory");
  memcpy(copy, line, size);
  char *value = copy + (colon - line);
  *value++ = '\0';
  value += strspn(value, " \t");
  out->name = copy;
  out->value = value;
  return CLI_GO_ON;
}

static int split_headers(struct cli_connect_options *o) {
  if (o->header_lines.count == 0) return CLI_GO_ON;
  o->headers = calloc(o->header_lines.count, sizeof *o->headers);
  if (o->headers == NULL) return CLI_FAILED;
  for (size_t i = 0; i < o->header_lines.count; i++) {
    int answer = split_header(o->header_lines.items[i], &o->headers[i]);
    if (answer != CLI_GO_ON) return answer;
  }
  return CLI_GO_ON;
}

int cli_connect_options_parse(int argc, char **argv, struct cli_connect_options *out) {
  memset(out, 0, sizeof *out);
  out->library.size = sizeof out->library;
  out->linger_ms = CLI_NO_LINGER;
  int answer = cli_arguments_parse(&command, argc, argv, out);
  if (answer == CLI_GO_ON) answer = split_headers(out);
  if (answer != CLI_GO_ON) return answer;
  out->library.uri = out->operands.items[0];
  out->library.headers = out->headers;
  out->library.header_count = out->header_lines.count;
  out->library.protocols = out->protocols.items;
  out->library.protocol_count = out->protocols.count;
  return CLI_GO_ON;
}

void cli_connect_options_deinit(struct cli_connect_options *options) {
  for (size_t i = 0; options->headers != NULL && i < options->header_lines.count; i++)
    free((char *)options->headers[i].name);
  free(options->headers);
  cli_list_deinit(&options->operands);
  cli_list_deinit(&options->header_lines);
  cli_list_deinit(&options->protocols);
}
