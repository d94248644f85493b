/* Asking the user for a password. */
#ifndef UVWS_CLI_PASSWORD_H
#define UVWS_CLI_PASSWORD_H

#include <stddef.h>

/* Is there somebody to ask? Standard input may well be a pipe. */
int cli_password_is_possible(void);

/* Show "password of WHAT: " at the terminal and read a line, which is not shown, up to `cap` bytes.
 * Waits. How many, or -1: the user broke off (^C, ^D on an empty line) or there is no terminal. */
int cli_password_ask(const char *what, char *out, size_t cap);

#endif
