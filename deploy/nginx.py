#!/usr/bin/env python3
"""Prints what nginx needs to stand before several servers of the explorer: python3 deploy/nginx.py 4

A session lives in one server, so a browser keeps to its replica by a cookie, and a room's code, which begins
with its replica's letter, leads there. An address holds all of a view: where a replica is gone, another
one serves the link.
"""

import argparse
import string

CONFIG = """\
# {count} replicas of the explorer, by deploy/nginx.py. Belongs into nginx's http block (conf.d).
map $http_upgrade $explorer_connection {{ default upgrade; "" ""; }}

split_clients $request_id $explorer_any {{
{shares}
}}
map $cookie_explorer $explorer_kept {{ "~^(?<kept>[{letters}])$" $kept; default $explorer_any; }}
map $arg_room $explorer_asked {{
{by_argument}
  default $explorer_kept;
}}
map $uri $explorer_replica {{
{by_path}
  default $explorer_asked;
}}
map "$cookie_explorer>$explorer_replica" $explorer_cookie {{
  "~^(.)>\\1$" "";
  default "explorer=$explorer_replica; Path=/; HttpOnly; SameSite=Lax";
}}

{upstreams}

server {{
  listen {listen};
  client_max_body_size 18m;  # server.maxUploadSize, and what is around a file

  gzip on;
  gzip_proxied any;
  gzip_comp_level 4;
  gzip_min_length 1024;
  gzip_types text/css text/javascript application/javascript application/json application/wasm image/svg+xml;

  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $explorer_connection;
  proxy_read_timeout 1h;  # a quiet session or race is still there
  add_header Set-Cookie $explorer_cookie always;
  add_header X-Replica $explorer_replica always;

  location / {{ proxy_pass http://explorer_$explorer_replica; }}
  location ~ /events$ {{ proxy_buffering off; proxy_pass http://explorer_$explorer_replica; }}
}}
"""


def config(ports: list[int], listen: str) -> str:
    """Returns the configuration for replicas on this machine's ports, the first called A."""
    letters = string.ascii_uppercase[: len(ports)]
    share = 100 / len(ports)
    shares = [f"  {share:.2f}% {letter};" for letter in letters[:-1]] + [f"  * {letters[-1]};"]
    return CONFIG.format(
        count=len(ports),
        letters=letters,
        listen=listen,
        shares="\n".join(shares),
        by_argument="\n".join(f'  "~*^{letter}" {letter};' for letter in letters),
        by_path="\n".join(f'  "~*^/r/{letter}" {letter};' for letter in letters),
        upstreams="\n".join(_upstream(letter, letters, ports) for letter in letters),
    )


def _upstream(letter: str, letters: str, ports: list[int]) -> str:
    """The replica, and whoever stands in for it when it is gone."""
    servers = [
        f"server 127.0.0.1:{port}{'' if other == letter else ' backup'};"
        for other, port in zip(letters, ports, strict=True)
    ]
    return f"upstream explorer_{letter} {{ {' '.join(servers)} }}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("replicas", type=int, choices=range(1, 27), metavar="N", help="servers, 1 to 26")
    parser.add_argument("--first-port", type=int, default=8501, help="of replica A (default 8501)")
    parser.add_argument("--listen", default="80", help="where nginx listens (default 80)")
    given = parser.parse_args()
    print(config([given.first_port + k for k in range(given.replicas)], given.listen), end="")


if __name__ == "__main__":
    main()
