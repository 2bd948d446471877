//! The codes of the envelope (engagement-api 3.4): which there are, under which HTTP status, what they mean.

/// A row of the table: code, HTTP status, meaning.
pub(crate) type Code = (u16, u16, &'static str);

/// Every code the public API answers with.
pub(crate) const CODES: [Code; 22] = [
    (0, 200, "success"),
    (1, 400, "the request is not well-formed: bad JSON, a field or parameter is missing or not valid"),
    (2, 400, "the service, queue, call-in group or contact center is not provisioned"),
    (3, 400, "this kind of callback, immediate or scheduled, is switched off, or the service is paused"),
    (4, 400, "the CAPTCHA is missing or was not accepted"),
    (5, 400, "the phone number is refused"),
    (6, 400, "the callback is in a state that does not allow the operation"),
    (10, 401, "the API key is missing or unknown"),
    (11, 401, "the contact center has no usable credentials for statistics"),
    (12, 403, "a header is forbidden, or the identities of the request contradict each other"),
    (20, 404, "no such callback"),
    (21, 404, "no such path"),
    (22, 405, "the path has other methods"),
    (23, 413, "the body is too large"),
    (24, 415, "the body is not JSON"),
    (25, 422, "the Idempotency-Key was used with another body"),
    (30, 429, "no capacity at the desired time"),
    (31, 429, "the office is closed at the desired time"),
    (32, 429, "too many callbacks for the contact center or service in a period"),
    (33, 429, "too many callbacks for this phone number"),
    (50, 500, "internal error"),
    (51, 500, "a service this one depends on is not available"),
];
