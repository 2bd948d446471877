// Hands what the authentication service sent back to the server, and takes it out of the address and the history.
"use strict";
const told = document.getElementById("told");
const given = new URLSearchParams(location.search);
history.replaceState(null, "", location.pathname);
fetch("/ges/v1/ui/session", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ code: given.get("code") || "", state: given.get("state") || "" }),
})
  .then(async (answer) => {
    if (answer.ok) {
      location.replace("/ges/ui/");
      return;
    }
    const body = await answer.json().catch(() => ({}));
    told.textContent = (body.status && body.status.message) || "Signing in failed.";
  })
  .catch(() => {
    told.textContent = "The server did not answer.";
  });
