/*
 * The program `uvws`: one function a command. Each gets its own arguments, argv[0] being the
 * command's name ("connect"), and returns the exit status.
 */
#ifndef UVWS_CLI_CLI_H
#define UVWS_CLI_CLI_H

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* `uvws run FILE.lua [ARG ...]`; only where the build has Lua (UVWS_HAVE_LUA). */
int cli_run(int argc, char **argv);
int cli_connect(int argc, char **argv);
int cli_echo_server(int argc, char **argv);

#endif
