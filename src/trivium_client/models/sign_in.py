"""Answers about signing in: generated from the description of the contract."""

from trivium_client.models._generated.wisebot import (
    DeviceCodes,
    DeviceRequest,
    DeviceToken,
    LoggedOut,
    Me,
    Organization,
)

__all__ = ["DeviceCodes", "DeviceRequest", "DeviceToken", "LoggedOut", "Me", "Organization"]
