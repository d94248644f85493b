/*
 * `uvws run FILE.lua [ARG ...]`: the script as `luajit FILE.lua ARG ...` runs it, and then, if it
 * loaded our modules, the loop until nothing is active. So a script that was written for a host
 * which turns the loop by itself runs as it is.
 *
 * What luajit's own program does and a script can see is done here alike: LUA_INIT, the table arg,
 * "-" for standard input, the message and traceback on standard error, exit status 1.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "cli/cli.h"

int luaopen_uvws_core(lua_State *L);

enum { PATH_SIZE = 4096 };

struct run {
  int argc;
  char **argv; /* argv[1] is the file */
};

static void print_error(lua_State *L) {
  const char *message = lua_tostring(L, -1);
  fflush(stdout);
  fprintf(stderr, "uvws: %s\n", message ? message : "(error object is not a string)");
  lua_pop(L, 1);
}

/* The message handler: the error as text and where it came from. */
static int add_traceback(lua_State *L) {
  if (!lua_isstring(L, 1)) {
    if (lua_isnoneornil(L, 1) || !luaL_callmeta(L, 1, "__tostring") || !lua_isstring(L, -1))
      return 1;
    lua_replace(L, 1);
  }
  luaL_traceback(L, L, lua_tostring(L, 1), 1);
  return 1;
}

/* Call the function under `arg_count` arguments; its results are dropped. */
static int call(lua_State *L, int arg_count) {
  int function = lua_gettop(L) - arg_count;
  lua_pushcfunction(L, add_traceback);
  lua_insert(L, function);
  int status = lua_pcall(L, arg_count, 0, function);
  lua_remove(L, function);
  if (status == 0) return CLI_OK;
  print_error(L);
  lua_gc(L, LUA_GCCOLLECT, 0);
  return CLI_FAILED;
}

/* Append ";DIR/?.lua" and the like to package[field], whose value is on top. */
static void append_path(lua_State *L, const char *dir, const char *pattern) {
  lua_pushfstring(L, "%s;%s/%s", lua_tostring(L, -1), dir, pattern);
  lua_remove(L, -2);
}

/* Our folders come behind LuaJIT's own, LUA_PATH's included, so that whoever sets those is heard:
 * beside the program in the build folder, beside it in an installation, and where it was meant to
 * be installed. */
static void extend_path(lua_State *L, const char *field, const char *pattern, const char *installed,
                        const char *exe_dir) {
  static const char *const relative[] = {"/lua", "/../share/lua/" UVWS_LUA_VERSION};
  lua_getglobal(L, "package");
  lua_getfield(L, -1, field);
  for (size_t i = 0; *exe_dir && i < sizeof relative / sizeof *relative; i++) {
    lua_pushfstring(L, "%s%s", exe_dir, relative[i]);
    lua_insert(L, -2);
    append_path(L, lua_tostring(L, -2), pattern);
    lua_remove(L, -2);
  }
  append_path(L, installed, pattern);
  lua_setfield(L, -2, field);
  lua_pop(L, 1);
}

/* The folder of this program, "" when it is not known. */
static void find_exe_dir(char *out) {
  size_t size = PATH_SIZE;
  if (uv_exepath(out, &size) != 0) size = 0;
  while (size > 0 && out[size - 1] != '/' && out[size - 1] != '\\')
    size--;
  out[size > 0 ? size - 1 : 0] = '\0';
}

static void set_paths(lua_State *L) {
  char exe_dir[PATH_SIZE];
  find_exe_dir(exe_dir);
  extend_path(L, "path", "?.lua", UVWS_LUA_DIR, exe_dir);
  extend_path(L, "cpath", "?.so", UVWS_LUA_C_DIR, exe_dir);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_uvws_core);
  lua_setfield(L, -2, "uvws.core");
  lua_pop(L, 1);
  lua_getfield(L, -1, "loaded");
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "uvws.program"); /* uvws.loop asks whether it may take the signals */
  lua_pop(L, 2);
}

/* The script at index 0, its arguments from 1, what stood before it below 0. */
static void set_arg(lua_State *L, const struct run *run) {
  lua_createtable(L, run->argc, 2);
  for (int i = 0; i < run->argc; i++) {
    lua_pushstring(L, run->argv[i]);
    lua_rawseti(L, -2, i - 1);
  }
  lua_pushliteral(L, "uvws");
  lua_rawseti(L, -2, -2);
  lua_setglobal(L, "arg");
}

/* LUA_INIT: a file after "@", else a chunk. */
static int run_init(lua_State *L) {
  const char *init = getenv("LUA_INIT");
  if (!init) return CLI_OK;
  int status = init[0] == '@' ? luaL_loadfile(L, init + 1)
                              : luaL_loadbuffer(L, init, strlen(init), "=LUA_INIT");
  if (status == 0) return call(L, 0);
  print_error(L);
  return CLI_FAILED;
}

static int run_script(lua_State *L, const struct run *run) {
  const char *file = strcmp(run->argv[1], "-") == 0 ? NULL : run->argv[1];
  if (luaL_loadfile(L, file) != 0) {
    print_error(L);
    return CLI_FAILED;
  }
  luaL_checkstack(L, run->argc, "too many arguments");
  for (int i = 2; i < run->argc; i++)
    lua_pushstring(L, run->argv[i]);
  return call(L, run->argc - 2);
}

/* Only if the script loaded us; uvws.loop knows who turns the loop. */
static int run_loop(lua_State *L) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "loaded");
  lua_getfield(L, -1, "uvws.loop");
  if (!lua_istable(L, -1)) return CLI_OK;
  lua_getfield(L, -1, "run");
  return call(L, 0);
}

static int run_protected(lua_State *L) {
  const struct run *run = lua_touserdata(L, 1);
  lua_gc(L, LUA_GCSTOP, 0); /* nothing to collect while the libraries are opened */
  luaL_openlibs(L);
  lua_gc(L, LUA_GCRESTART, -1);
  set_paths(L);
  set_arg(L, run);
  int status = run_init(L);
  if (status == CLI_OK) status = run_script(L, run);
  if (status == CLI_OK) status = run_loop(L);
  lua_pushinteger(L, status);
  return 1;
}

static int print_usage(FILE *stream, int status) {
  fprintf(stream, "usage: uvws run FILE.lua [ARG ...]\n\n"
                  "Runs the script as luajit does (- is standard input), then the loop of its\n"
                  "WebSocket clients until nothing is active. SIGINT, SIGTERM and SIGHUP\n"
                  "close its connections with 1001 first; a second one does not wait. The\n"
                  "exit status is then 128 and the signal's number.\n");
  return status;
}

int cli_run(int argc, char **argv) {
  if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
    return print_usage(stdout, CLI_OK);
  if (argc < 2 || (argv[1][0] == '-' && argv[1][1] != '\0')) return print_usage(stderr, CLI_USAGE);

  struct run run = {.argc = argc, .argv = argv};
  lua_State *L = luaL_newstate();
  if (!L) {
    fprintf(stderr, "uvws: no memory for a Lua state\n");
    return CLI_FAILED;
  }
  lua_pushcfunction(L, run_protected);
  lua_pushlightuserdata(L, &run);
  int status = CLI_FAILED;
  if (lua_pcall(L, 1, 1, 0) != 0) {
    print_error(L);
  } else {
    status = (int)lua_tointeger(L, -1);
  }
  lua_close(L);
  return status;
}
