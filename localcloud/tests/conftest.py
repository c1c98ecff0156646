"""No test reaches AWS: fake credentials, a closed endpoint and a guard on every socket."""

from localcloud import guard

guard.close_account()
