"""What the operating system refuses, told to a model: what is wrong, and what to do instead.

Nothing has happened in either case. What may pass by itself is transient, the rest is for good.
"""

import errno

from quarterdeck_kernel.errors import PermanentToolError, ToolError, TransientToolError
from quarterdeck_kernel.tools.plain import shown

_MAY_PASS = frozenset(
    {
        errno.EAGAIN,
        errno.EBUSY,
        errno.EDQUOT,
        errno.EINTR,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.ETXTBSY,
    }
)
_SAID = {
    errno.ENOENT: "there is no {path}; list_files shows what there is",
    errno.ENOTDIR: "a part of {path} is no folder; list_files shows what there is",
    errno.EISDIR: "{path} is a folder; list_files shows what is in it",
    errno.EACCES: "{path} may not be touched: its permissions forbid it",
    errno.EPERM: "{path} may not be touched: its permissions forbid it",
    errno.EROFS: "{path} cannot be changed: it lies on a disk that is only read",
    errno.ENAMETOOLONG: "the name {path} is too long; choose a shorter one",
    errno.EEXIST: "{path} is there already",
    errno.ELOOP: "{path} is a symbolic link, which is not followed; name the file itself",
    errno.ENOTEMPTY: "{path} is a folder that is not empty",
}


def refused(error: OSError, path: str) -> ToolError:
    """Return what a tool raises where the operating system has refused something."""
    number = error.errno or 0
    if number in _MAY_PASS:
        return TransientToolError(f"{shown(path)} cannot be touched now: {error.strerror}")
    said = _SAID.get(number, "{path} cannot be used: " + (error.strerror or type(error).__name__))
    return PermanentToolError(said.format(path=shown(path)))
