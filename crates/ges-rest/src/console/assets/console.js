// Ends the session, here and at the authentication service.
"use strict";
const button = document.getElementById("sign-out");
button.addEventListener("click", async () => {
  button.disabled = true;
  const answer = await fetch("/ges/v1/ui/session", {
    method: "DELETE",
    headers: { "X-GES-CSRF": button.dataset.csrf },
  });
  const body = await answer.json().catch(() => ({}));
  location.replace((body.data && body.data.continueAt) || "/ges/");
});
