from __future__ import annotations

collect_ignore = ["endcap-sample-plugin"]  # not installed here: test_sample_plugin installs it and runs its tests
