"""Who is who: registrations of several lists put together to persons."""
