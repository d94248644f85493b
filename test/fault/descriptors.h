/* What a conversation must not leave open. */
#ifndef UVWS_TEST_DESCRIPTORS_H
#define UVWS_TEST_DESCRIPTORS_H

/* The descriptors that this process has open, and some always the same ones; 0 where nobody tells.
 */
int count_descriptors(void);

#endif
