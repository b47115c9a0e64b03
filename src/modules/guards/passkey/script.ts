/** The one script of our pages: it hands a challenge to the browser's authenticators, and what they answer to the form. */

import { hash } from 'node:crypto';

/**
 * It speaks with nobody: the form sends the answer, and the browser follows. Written for browsers of 2019 on, whose
 * PublicKeyCredential knows no JSON yet. The secret of an invitation stands behind the # of the address, which is sent to nobody.
 */
const text = `(() => {
  'use strict';
  const form = document.querySelector('form[data-passkey]');
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (sign) => sign.charCodeAt(0));
  const base64url = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join('')).replace(/\\+/g, '-').replace(/\\//g, '_').replace(/=/g, '');
  const invitation = form.elements.namedItem('invitation');
  if (invitation !== null) {
    invitation.value = location.hash.slice(1);
    history.replaceState(null, '', location.pathname);
    return;
  }
  const asked = JSON.parse(form.dataset.passkey);
  const withBytes = (list) => (list || []).map((each) => ({ ...each, id: bytes(each.id) }));
  const make = () => navigator.credentials.create({ publicKey: {
    ...asked, challenge: bytes(asked.challenge), user: { ...asked.user, id: bytes(asked.user.id) }, excludeCredentials: withBytes(asked.excludeCredentials),
  } });
  const use = () => navigator.credentials.get({ publicKey: { ...asked, challenge: bytes(asked.challenge) } });
  const written = ({ id, rawId, type, response }) => {
    const answer = { clientDataJSON: base64url(response.clientDataJSON) };
    if (asked.user) {
      answer.attestationObject = base64url(response.attestationObject);
      answer.transports = response.getTransports ? response.getTransports() : [];
    } else {
      answer.authenticatorData = base64url(response.authenticatorData);
      answer.signature = base64url(response.signature);
      answer.userHandle = base64url(response.userHandle || new ArrayBuffer(0));
    }
    return JSON.stringify({ id, rawId: base64url(rawId), type, response: answer, clientExtensionResults: {} });
  };
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const failed = document.getElementById('failed');
    failed.hidden = true;
    try {
      form.elements.namedItem('credential').value = written(await (asked.user ? make() : use()));
      form.submit();
    } catch {
      failed.hidden = false;
    }
  });
})();`;

export const passkeyScript = Object.freeze({ text, hash: hash('sha256', text, 'base64') });
