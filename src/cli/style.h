/* Colours of a terminal (ECMA-48 8.3.117, SGR). */
#ifndef UVWS_CLI_STYLE_H
#define UVWS_CLI_STYLE_H

#define CLI_STYLE_RESET "\x1b[0m"
#define CLI_STYLE_DIM "\x1b[2m"
#define CLI_STYLE_ERROR "\x1b[31m"
#define CLI_STYLE_KEY "\x1b[34m"
#define CLI_STYLE_STRING "\x1b[32m"
#define CLI_STYLE_NUMBER "\x1b[33m"
#define CLI_STYLE_WORD "\x1b[35m"

#endif
