/* The command line of `uvws connect`: the options of uvws_options_t by their own names. */
#include "cli/connect_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "cli/cli.h"
#include "cli/credentials.h"

#define AT(field) offsetof(struct cli_connect_options, field)

static const struct cli_option known_options[] = {
    {"header", 'H', CLI_LIST, AT(header_lines), "'NAME: VALUE'", "add a header field; may repeat"},
    {"auth", 'u', CLI_STRING, AT(auth), "USER:PASSWORD",
     "send Basic credentials; @FILE: the first line of FILE"},
    {"bearer", 0, CLI_STRING, AT(bearer), "TOKEN", "send a Bearer token; @FILE as above"},
    {"protocol", 0, CLI_LIST, AT(protocols), "NAME", "offer a subprotocol; may repeat"},
    {"origin", 0, CLI_STRING, AT(library.origin), "ORIGIN", "send an Origin field"},
    {"port", 0, CLI_PORT, AT(library.port), "PORT", "connect to this port, not the URI's"},
    {"proxy", 'x', CLI_STRING, AT(library.proxy), "URI",
     "go through this proxy: http, https, socks5, socks5h or socks4a"},
    {"proxy-ca", 0, CLI_STRING, AT(library.proxy_ca_file), "FILE", "trust these as https proxies"},
    {"proxy-header", 0, CLI_LIST, AT(proxy_header_lines), "'NAME: VALUE'",
     "add a field to the request to an HTTP proxy; may repeat"},
    {"proxy-from-env", 0, CLI_FLAG, AT(library.proxy_from_env), NULL,
     "take the proxy from http_proxy, https_proxy, all_proxy, no_proxy"},
    {"socket", 0, CLI_STRING, AT(library.socket_path), "PATH", "connect to this unix socket"},
    {"local-address", 0, CLI_STRING, AT(library.local_address), "IP", "connect from this address"},
    {"max-redirects", 0, CLI_COUNT, AT(library.max_redirects), "COUNT",
     "follow so many (default: none)"},
    {"compress", 0, CLI_FLAG, AT(is_compressing), NULL,
     "compress every message, however short, when the server agrees"},
    {"no-compress", 0, CLI_FLAG, AT(is_not_compressed), NULL, "do not offer compression"},
    {"json", 'j', CLI_FLAG, AT(is_json), NULL, "lay out messages that are JSON, in colours"},
    {"ping", 0, CLI_MAYBE_MS, AT(ping_ms), "MS",
     "tell the round-trip time, once or every so often"},
    {"show-control", 0, CLI_FLAG, AT(shows_control), NULL, "tell of Ping, Pong and Close frames"},
    {"trace", 0, CLI_FLAG, AT(is_traced), NULL,
     "tell how long each phase took, and of heads and frames"},
    {"binary", 'b', CLI_FLAG, AT(is_binary), NULL, "send lines as binary messages, not as text"},
    {"linger", 0, CLI_MS, AT(linger_ms), "MS",
     "listen for so long behind the end of the input (until a Pong)"},
    {"verbose", 'v', CLI_FLAG, AT(is_verbose), NULL, "tell on standard error what happens"},
    {"insecure", 'k', CLI_FLAG, AT(library.insecure_skip_verify), NULL,
     "accept any certificate: anybody may read and answer"},
    {"ca", 0, CLI_STRING, AT(library.ca_file), "FILE", "trust the certificates in this PEM file"},
    {"ca-path", 0, CLI_STRING, AT(library.ca_path), "DIR", "trust those in this hashed directory"},
    {"cert", 0, CLI_STRING, AT(library.cert_file), "FILE", "client certificate chain, PEM"},
    {"key", 0, CLI_STRING, AT(library.key_file), "FILE", "its key (default: in the same file)"},
    {"server-name", 0, CLI_STRING, AT(library.server_name), "NAME",
     "expect this name in the certificate, not the URI's host"},
    {"key-password", 0, CLI_STRING, AT(key_password), "TEXT",
     "opens the key; @FILE as above (default: ask at the terminal)"},
    {"pkcs12", 0, CLI_STRING, AT(library.pkcs12_file), "FILE", "client certificate and key"},
    {"pin", 0, CLI_STRING, AT(library.pinned_public_key), "sha256//BASE64",
     "expect this public key, or one of several joined by ;"},
    {"crl", 0, CLI_STRING, AT(library.crl_file), "FILE", "revocation lists, PEM"},
    {"ocsp-staple", 0, CLI_FLAG, AT(library.require_ocsp_staple), NULL,
     "demand a good OCSP response from the server"},
    {"ciphers", 0, CLI_STRING, AT(library.ciphers), "LIST", "for TLS 1.2 and older"},
    {"ciphersuites", 0, CLI_STRING, AT(library.ciphersuites), "LIST", "for TLS 1.3"},
    {"alpn", 0, CLI_STRING, AT(library.alpn), "NAMES", "offer these (default: http/1.1)"},
    {"keylog", 0, CLI_STRING, AT(library.keylog_file), "FILE", "append the keys, for Wireshark"},
    {"keylog-from-env", 0, CLI_FLAG, AT(library.keylog_from_env), NULL,
     "append them to the file named by SSLKEYLOGFILE"},
    {"tls", 0, CLI_TLS_VERSION, AT(library.tls), "VERSION", "exactly this one: 1.0, 1.1, 1.2, 1.3"},
    {"tls-min", 0, CLI_TLS_VERSION, AT(library.tls_min), "VERSION", "at least (default: 1.2)"},
    {"tls-max", 0, CLI_TLS_VERSION, AT(library.tls_max), "VERSION", "at most"},
    {"connect-timeout", 0, CLI_MS, AT(library.connect_timeout_ms), "MS", "name to TCP (10000)"},
    {"attempt-timeout", 0, CLI_MS, AT(library.attempt_timeout_ms), "MS",
     "each address of the name (default: no limit of its own)"},
    {"tcp-keepalive", 0, CLI_COUNT, AT(library.tcp_keepalive_s), "SECONDS",
     "let TCP probe the peer after so much silence"},
    {"handshake-timeout", 0, CLI_MS, AT(library.handshake_timeout_ms), "MS",
     "TLS and HTTP together (10000)"},
    {"close-timeout", 0, CLI_MS, AT(library.close_timeout_ms), "MS", "closing handshake (5000)"},
    {"ping-interval", 0, CLI_MS, AT(library.ping_interval_ms), "MS",
     "send a Ping after so much silence, and notice a dead server"},
    {"pong-timeout", 0, CLI_MS, AT(library.pong_timeout_ms), "MS",
     "how long that Ping may go unanswered (10000)"},
    {"idle-timeout", 0, CLI_MS, AT(library.idle_timeout_ms), "MS",
     "close when there was no message for so long"},
    {"max-message-size", 0, CLI_BYTES, AT(library.max_message_size), "BYTES",
     "refuse larger messages (16 MiB)"},
    {"max-head-size", 0, CLI_BYTES, AT(library.max_head_size), "BYTES",
     "refuse a larger HTTP answer (64 KiB)"},
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

static int header_error(const char *option, const char *line, const char *what) {
  fprintf(stderr, "uvws: usage: %s %s: %s\n", option, line, what);
  return CLI_USAGE;
}

/* "Name: value" becomes two strings in one copy, which the name points to. */
static int split_header(const char *option, const char *line, uvws_header_t *out) {
  const char *colon = strchr(line, ':');
  if (colon == NULL || colon == line) return header_error(option, line, "is not 'NAME: VALUE'");
  size_t size = strlen(line) + 1;
  char *copy = malloc(size);
  if (copy == NULL) return header_error(option, line, "out of memory");
  memcpy(copy, line, size);
  char *value = copy + (colon - line);
  *value++ = '\0';
  value += strspn(value, " \t");
  out->name = copy;
  out->value = value;
  return CLI_GO_ON;
}

/* The lines as an array, which has room for one more. */
static int take_header_lines(const char *option, const struct cli_list *lines,
                             uvws_header_t **out) {
  *out = calloc(lines->count + 1, sizeof **out);
  if (*out == NULL) return CLI_FAILED;
  for (size_t i = 0; i < lines->count; i++) {
    int answer = split_header(option, lines->items[i], &(*out)[i]);
    if (answer != CLI_GO_ON) return answer;
  }
  return CLI_GO_ON;
}

static void free_header_lines(const struct cli_list *lines, uvws_header_t *headers) {
  for (size_t i = 0; headers != NULL && i < lines->count; i++)
    free((char *)headers[i].name);
  free(headers);
}

/* What was given is a secret, so it is not repeated. */
static int credentials_error(const char *option, int err, const char *what) {
  fprintf(stderr, "uvws: usage: %s: %s\n", option, err == UV_EINVAL ? what : uv_strerror(err));
  return CLI_USAGE;
}

static int take_credentials(struct cli_connect_options *o) {
  if (o->auth == NULL && o->bearer == NULL) return CLI_GO_ON;
  if (o->auth != NULL && o->bearer != NULL)
    return credentials_error("--auth", UV_EINVAL, "not together with --bearer");
  if (o->bearer != NULL) {
    int err = cli_credentials_secret(o->bearer, &o->authorization);
    if (err != 0) return credentials_error("--bearer", err, "is empty");
    o->library.bearer_token = o->authorization.data;
    return CLI_GO_ON;
  }
  int err = cli_credentials_basic(o->auth, &o->authorization);
  if (err != 0) return credentials_error("--auth", err, "is not USER:PASSWORD");
  o->headers[o->header_count].name = "Authorization";
  o->headers[o->header_count++].value = o->authorization.data;
  return CLI_GO_ON;
}

static int take_key_password(struct cli_connect_options *o) {
  if (o->key_password == NULL) return CLI_GO_ON;
  int err = cli_credentials_secret(o->key_password, &o->password);
  if (err != 0) return credentials_error("--key-password", err, "is empty");
  o->library.key_password = o->password.data;
  return CLI_GO_ON;
}

static int take_compression(struct cli_connect_options *o) {
  if (o->is_not_compressed) o->library.compression = UVWS_COMPRESSION_OFF;
  if (!o->is_compressing || !o->is_not_compressed) return CLI_GO_ON;
  fprintf(stderr, "uvws: usage: --compress: not together with --no-compress\n");
  return CLI_USAGE;
}

int cli_connect_options_parse(int argc, char **argv, struct cli_connect_options *out) {
  memset(out, 0, sizeof *out);
  out->library.size = sizeof out->library;
  out->linger_ms = CLI_NO_LINGER;
  out->ping_ms = CLI_NO_PING;
  int answer = cli_arguments_parse(&command, argc, argv, out);
  if (answer == CLI_GO_ON)
    answer = take_header_lines("--header", &out->header_lines, &out->headers);
  out->header_count = out->header_lines.count;
  if (answer == CLI_GO_ON)
    answer = take_header_lines("--proxy-header", &out->proxy_header_lines, &out->proxy_headers);
  if (answer == CLI_GO_ON) answer = take_credentials(out);
  if (answer == CLI_GO_ON) answer = take_key_password(out);
  if (answer == CLI_GO_ON) answer = take_compression(out);
  if (answer != CLI_GO_ON) return answer;
  out->library.uri = out->operands.items[0];
  out->library.headers = out->headers;
  out->library.header_count = out->header_count;
  out->library.proxy_headers = out->proxy_headers;
  out->library.proxy_header_count = out->proxy_header_lines.count;
  out->library.protocols = out->protocols.items;
  out->library.protocol_count = out->protocols.count;
  return CLI_GO_ON;
}

void cli_connect_options_deinit(struct cli_connect_options *options) {
  free_header_lines(&options->header_lines, options->headers);
  free_header_lines(&options->proxy_header_lines, options->proxy_headers);
  cli_buffer_deinit(&options->authorization);
  cli_buffer_deinit(&options->password);
  cli_list_deinit(&options->operands);
  cli_list_deinit(&options->header_lines);
  cli_list_deinit(&options->proxy_header_lines);
  cli_list_deinit(&options->protocols);
}
