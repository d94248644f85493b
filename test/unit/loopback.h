/* Plain sockets on the loopback, for the other end of what a test opens. */
#ifndef UVWS_TEST_LOOPBACK_H
#define UVWS_TEST_LOOPBACK_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static inline socklen_t loopback_address(const char *ip, int port, struct sockaddr_storage *out) {
  struct sockaddr_in *v4 = (struct sockaddr_in *)out;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
  memset(out, 0, sizeof *out);
  if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    return sizeof *v4;
  }
  inet_pton(AF_INET6, ip, &v6->sin6_addr);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons((uint16_t)port);
  return sizeof *v6;
}

/* A bound socket that does not listen yet, so connecting to it is refused. -1 when it cannot be. */
static inline int loopback_bind(const char *ip, int port) {
  struct sockaddr_storage address;
  socklen_t len = loopback_address(ip, port, &address);
  int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && bind(fd, (struct sockaddr *)&address, len)) {
    close(fd);
    return -1;
  }
  return fd;
}

static inline int loopback_port(int fd) {
  struct sockaddr_storage address;
  socklen_t len = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &len)) return -1;
  return address.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&address)->sin_port)
                                      : ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
}

static inline int loopback_connect(const char *ip, int port) {
  struct sockaddr_storage address;
  socklen_t len = loopback_address(ip, port, &address);
  int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, len)) {
    close(fd);
    return -1;
  }
  return fd;
}

/* The next read or write of the other side sees a reset. */
static inline void loopback_reset(int fd) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(fd);
}

#endif
