"""Cloud Monitoring: metric descriptors, time series, dashboards, alert policies that fire, channels, uptime checks that probe."""
