# SPDX-License-Identifier: GPL-2.0-or-later
"""The two examples of the option's documentation, to the letter."""

PRIMARY = "primary-logserver.example.com"
FIRST_FAILOVER = "first-failover-logserver.example.com"
SECOND_FAILOVER = "second-failover-logserver.example.com"

ROUND_ROBIN = """\
   destination demo_failover_roundrobin{
          syslog("primary-logserver.example.com"
                failover(
                      servers("first-failover-logserver.example.com", "second-failover-logserver.example.com")
                )
          transport("tcp")
          port(514)
          time-reopen(60)
          );
    };
"""

RETURN_TO_PRIMARY = """\
   destination demo_failover_returntoprimary{
          syslog("primary-logserver.example.com"
                failover(
                      servers("first-failover-logserver.example.com", "second-failover-logserver.example.com")
                      failback(
                            tcp-probe-interval(120)
                            successful-probes-required(3)
                      )
                )
          transport("tcp")
          port(514)
          time-reopen(60)
          );
    };
"""

BOTH_EXAMPLES = ROUND_ROBIN + RETURN_TO_PRIMARY
