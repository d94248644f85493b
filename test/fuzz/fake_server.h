/* What is at the other end of a link: words that a fuzz target would be long in finding. */
#ifndef UVWS_TEST_FAKE_SERVER_H
#define UVWS_TEST_FAKE_SERVER_H

#include "fake_net.h"

/* A right answer to the request that the link has seen, if it has; flags: 1 compression, 2 a
 * subprotocol. */
void server_answer(struct net_link *link, uint8_t flags);

/* What servers and proxies say often: one of 14 texts. */
void server_say(struct net_link *link, uint8_t what);

#endif
