/**
 * Errors that are kept for a status.
 */

/**
 * Makes an error safe to keep. V8 keeps the frames in which an error was made, with all that their functions hold, until
 * its stack is first read: a megabyte of a refused body would stay for as long as the error does.
 *
 * @internal
 */
export const released = <E extends Error>(error: E): E => {
  void error.stack
  return error
}
