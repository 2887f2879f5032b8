"""Which manners and limits does the fetcher keep?"""

import ipaddress
from importlib.metadata import version

from pydantic import BaseModel, ConfigDict, Field, field_validator

from crawl.optout import AGENT


class FetchConfig(BaseModel):
    """Settings of everything between a URL and its bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contact: str = Field(default="", max_length=200, pattern=r"^[\x20-\x7e]*$")
    """Mail address or page by which a webmaster reaches whoever runs this crawl. Required."""
    about_url: str = Field(default="", max_length=200, pattern=r"^[\x21-\x7e]*$")
    """Page that says what the crawl is for; part of the user agent where given."""

    min_delay_s: float = Field(default=1.0, ge=0)
    """A host rests at least so long between an answer and the next request."""
    delay_factor: float = Field(default=5.0, ge=0)
    """A host rests so many times the duration of its last answer."""
    max_delay_s: float = Field(default=30.0, ge=0)
    """Limit of what `delay_factor` asks for."""
    jitter_share: float = Field(default=0.1, ge=0, le=1)
    """Delays are lengthened by up to this share, so that hosts are not asked in step."""
    max_crawl_delay_s: float = Field(default=300.0, ge=0)
    """A host whose robots.txt wants a longer Crawl-delay is given up."""
    max_retry_after_s: float = Field(default=3600.0, ge=0)
    """A host whose Retry-After is longer is given up."""
    retries: int = Field(default=2, ge=0, le=20)
    """A request is repeated so often after 429, 5xx, a time-out or a lost connection."""
    backoff_s: float = Field(default=2.0, ge=0)
    """Rest before the first repetition; doubled for each one that follows."""
    max_backoff_s: float = Field(default=60.0, ge=0)
    """Limit of the doubling."""
    breaker_failures: int = Field(default=5, ge=1)
    """A host is given up after so many failed attempts in a row."""

    dns_timeout_s: float = Field(default=10.0, gt=0)
    """Until the name is resolved."""
    connect_timeout_s: float = Field(default=10.0, gt=0)
    """Until one address is connected to, TLS included."""
    first_byte_timeout_s: float = Field(default=20.0, gt=0)
    """From the request until the headers are complete."""
    read_timeout_s: float = Field(default=10.0, gt=0)
    """Between two pieces of a body."""
    min_bytes_per_s: float = Field(default=1024.0, ge=0)
    """Slower bodies are cut off ..."""
    slow_start_s: float = Field(default=10.0, ge=0)
    """... once they have had so long."""
    total_timeout_s: float = Field(default=120.0, gt=0)
    """For one attempt with everything in it, redirects excepted."""

    max_page_bytes: int = Field(default=4 * 2**20, gt=0)
    """Limit of a page, as sent and once decoded."""
    max_image_bytes: int = Field(default=32 * 2**20, gt=0)
    """Limit of an image, as sent and once decoded."""
    max_redirects: int = Field(default=5, ge=0, le=20)
    """Hops that are followed, each one checked like a first request."""

    ports: tuple[int, ...] = (80, 443)
    """Ports that are connected to."""
    allow_net: tuple[str, ...] = ()
    """Networks that are asked although they are not public: one's own hosts, and tests."""
    obey_opt_outs: bool = True
    """Whether a response that reserves its rights is left unread; signals are stored anyway."""

    max_hosts_at_once: int = Field(default=256, ge=1)
    """Hosts served at the same time, one connection each. A host that rests for more than
    15 seconds makes room for another."""
    max_large_at_once: int = Field(default=4, ge=1)
    """Bodies over 1 MiB that are read at the same time; the others wait."""
    max_waiting_outcomes: int = Field(default=256, ge=1)
    """Outcomes that nobody has taken yet; at this many, fetching pauses."""
    max_waiting_bytes: int = Field(default=64 * 2**20, ge=1)
    """Likewise, for the bytes of their bodies."""
    max_waiting_requests: int = Field(default=20_000, ge=1)
    """Requests taken from the caller and not yet answered; at this many, none is taken."""
    robots_max_age_s: float = Field(default=86_400.0, gt=0, le=86_400.0)
    """A host's robots.txt is asked for again after so long (at most 24 h, RFC 9309)."""

    @field_validator("allow_net")
    @classmethod
    def _are_networks(cls, nets: tuple[str, ...]) -> tuple[str, ...]:
        for net in nets:
            try:
                ipaddress.ip_network(net)
            except ValueError as error:
                raise ValueError(f"allow_net: {net!r} is no network ({error})") from error
        return nets

    @field_validator("ports")
    @classmethod
    def _are_ports(cls, ports: tuple[int, ...]) -> tuple[int, ...]:
        for port in ports:
            if not 0 < port < 65_536:
                raise ValueError(f"ports: {port} is no port, use 1 to 65535")
        return ports

    def user_agent(self) -> str:
        """The name under which hosts are asked.

        Raises:
            ValueError: `contact` is empty: nobody is asked anonymously.
        """
        contact = self.contact.strip()
        if not contact:
            raise ValueError(
                "contact is empty: set fetch.contact to a mail address or page where webmasters"
                " reach you"
            )
        about = f"+{self.about_url}; {contact}" if self.about_url else f"+{contact}"
        return f"{AGENT}/{version('lait')} ({about})"

    def max_bytes(self, kind: str) -> int:
        """Limit of a body, as sent and once decoded, in bytes."""
        return self.max_page_bytes if kind == "page" else self.max_image_bytes
