"""Signing in: with a password, by somebody's approval (RFC 8628), and answering for others."""

from typing import Literal, TypeAlias

from trivium_client._async.client import AsyncResource
from trivium_client._call import Call, path
from trivium_client._clock import pause_async
from trivium_client._errors import BadRequest, ConnectionFailed, NotAuthenticated, TimedOut
from trivium_client.models.sign_in import DeviceCodes, DeviceRequest, DeviceToken

Role: TypeAlias = Literal["owner", "admin", "member"]
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
PROGRAM = "trivium"
# RFC 8628, 3.5: after `slow_down`, and after a poll that was not answered, wait this much longer.
SLOWER_S = 5


class AsyncSignIn(AsyncResource):
    """A machine's way to a key of its own without a password on it."""

    async def start(self, name: str, *, role: Role | None = None, program: str = PROGRAM) -> DeviceCodes:
        """Ask to be signed in under this name, as `role` at most; show somebody the `user_code` and then `wait`."""
        given = {"client_id": program, "device_name": name, "scope": role}
        body = {key: value for key, value in given.items() if value is not None}
        return await self._transport.fetch(DeviceCodes, Call(method="POST", path="/api/auth/device", body=body))

    async def poll(self, device_code: str) -> DeviceToken:
        """Return the key if somebody has approved; raises BadRequest with the code `authorization_pending` until then.

        Ask no more often than the codes' `interval` says; `wait` does.
        """
        body = {"grant_type": GRANT, "device_code": device_code, "client_id": PROGRAM}
        return await self._transport.fetch(DeviceToken, Call(method="POST", path="/api/auth/device/token", body=body))

    async def wait(self, device_code: str, *, interval: float = 5.0, timeout: float = 600.0) -> DeviceToken:
        """Return the key once somebody has approved, asking every `interval` seconds; the server may be away meanwhile.

        Raises NotAuthenticated when it was denied, TimedOut when nobody has answered in time.
        """
        passed = 0.0
        while passed < timeout:
            try:
                return await self.poll(device_code)
            except ConnectionFailed:
                interval += SLOWER_S
            except BadRequest as error:
                if error.code == "slow_down":
                    interval += SLOWER_S
                elif error.code == "expired_token":
                    break
                elif error.code != "authorization_pending":
                    raise NotAuthenticated(401, error.code, error.message, request_id=error.request_id) from error
            await pause_async(interval)
            passed += interval
        raise TimedOut("nobody has approved in time; begin again")

    async def show(self, user_code: str) -> DeviceRequest:
        """Return which machine asks with this code; raises NotFound, and Gone when it was answered."""
        call = Call(method="GET", path=path("/api/v1/device/{}", user_code))
        return await self._transport.fetch(DeviceRequest, call)

    async def approve(self, user_code: str) -> DeviceRequest:
        """Let the machine act for you in your organization; raises NotFound and Gone."""
        return await self._answer(user_code, approve=True)

    async def deny(self, user_code: str) -> DeviceRequest:
        """Refuse the machine; raises NotFound and Gone."""
        return await self._answer(user_code, approve=False)

    async def _answer(self, user_code: str, *, approve: bool) -> DeviceRequest:
        call = Call(method="POST", path=path("/api/v1/device/{}", user_code), body={"approve": approve})
        return await self._transport.fetch(DeviceRequest, call)
